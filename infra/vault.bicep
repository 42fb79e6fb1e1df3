// A key vault for the settings that are secrets, if there are any. The app reads them by reference, with its identity.

param name string
param location string
param tags object
param tenantId string
param readerPrincipalId string
@description('Names of the app settings that are kept here.')
param settings string[]
@secure()
@description('Value of each of them, by its name.')
param values object

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    // Without purge protection `azd down --purge` frees the name. The values come from the parameters again.
    softDeleteRetentionInDays: 7
  }
}

resource secrets 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = [
  for setting in settings: {
    parent: vault
    name: replace(setting, '_', '-')
    properties: { value: values[setting] }
  }
]

var keyVaultSecretsUser = '4633458b-17de-408a-b874-0445c86b69e6'

resource read 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, readerPrincipalId, keyVaultSecretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsUser)
    principalId: readerPrincipalId
    principalType: 'ServicePrincipal'
  }
}

// A module ends when all its resources are there: who uses this output starts after secrets and role.
output uri string = vault.properties.vaultUri
