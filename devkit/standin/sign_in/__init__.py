"""Answers as the sign-in host: Entra's endpoints, and the platform's managed identity."""
