// The operators' console: a second function app of the same package, for people who sign in with Entra. Its sign-in
// stands before this app alone, and never before the one that the marketplace posts to.

param name string
param location string
param tags object
@description('Client id of the registration in Entra that people sign in by.')
param clientId string
param alwaysReady int
param storageAccountName string
param storageAuth string
param insightsName string
param pythonVersion string
param dataverseUrl string
@description('Empty: the console signs in to Dynamics by its identity.')
param dataverseClientId string
param tenantId string
@description('Names of the settings that are kept in the vault.')
param inVault string[]
param vaultName string
param vaultUri string
param furtherSettings object

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = { name: storageAccountName }

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: account
  name: 'default'
}

// Each deployment replaces the package in its container, so two apps cannot share one.
resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobs
  name: 'console-package'
}

module identity 'identity.bicep' = {
  params: { name: 'id-${name}', location: location, tags: tags }
}

module roles 'roles.bicep' = {
  params: {
    storageAccountName: storageAccountName
    insightsName: insightsName
    appPrincipalId: identity.outputs.principalId
    operatorPrincipalId: ''
    operatorPrincipalType: 'User'
  }
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = { name: vaultName }

var keyVaultSecretsUser = '4633458b-17de-408a-b874-0445c86b69e6'

resource readSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(vaultUri)) {
  name: guid(vault.id, name, keyVaultSecretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsUser)
    principalId: identity.outputs.principalId
    principalType: 'ServicePrincipal'
  }
}

// One instance: plans and what a person asked to see are kept in its memory.
module app 'app.bicep' = {
  params: {
    name: name
    planName: 'plan-${name}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    storageAccountName: storageAccountName
    packageContainer: packages.name
    pythonVersion: pythonVersion
    instanceMemoryMB: 512
    maximumInstanceCount: 1
    alwaysReadyHttp: alwaysReady
    httpConcurrency: 16
    updateStrategy: 'Recreate'
  }
}

resource site 'Microsoft.Web/sites@2025-03-01' existing = { name: name }

// For every address of the app. Without a client secret, which would expire: the sign-in needs the ID token alone.
resource signIn 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: site
  name: 'authsettingsV2'
  dependsOn: [app]
  properties: {
    platform: { enabled: true }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
    }
    httpSettings: { requireHttps: true }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: clientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
      }
    }
    login: { tokenStore: { enabled: false } }
  }
}

// Last, as for the other app. The settings are the same, so that both say the same about what needs a person.
module settings 'settings.bicep' = {
  dependsOn: [roles, readSecrets, signIn]
  params: {
    appName: app.outputs.name
    storageAccountName: storageAccountName
    storageAuth: storageAuth
    insightsName: insightsName
    identityClientId: identity.outputs.clientId
    dataverseUrl: dataverseUrl
    dataverseClientId: dataverseClientId
    tenantId: tenantId
    inVault: inVault
    vaultUri: vaultUri
    furtherSettings: union(furtherSettings, { LEADPIPE_APP: 'console' })
  }
}

output address string = '${app.outputs.origin}/api/console/'
output identityClientId string = identity.outputs.clientId
