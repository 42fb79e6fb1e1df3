// The function app and its Flex Consumption plan (one app a plan). Its settings come later, by settings.bicep.

param name string
param planName string
param location string
param tags object
param identityId string
param storageAccountName string
param packageContainer string
param pythonVersion string
param instanceMemoryMB int
param maximumInstanceCount int
param alwaysReadyHttp int
param httpConcurrency int
param updateStrategy string

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = { name: storageAccountName }

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { tier: 'FlexConsumption', name: 'FC1' }
  properties: { reserved: true }
}

var flex = {
  deployment: {
    storage: {
      type: 'blobContainer'
      value: '${account.properties.primaryEndpoints.blob}${packageContainer}'
      authentication: {
        type: 'UserAssignedIdentity'
        userAssignedIdentityResourceId: identityId
      }
    }
  }
  runtime: { name: 'python', version: pythonVersion }
  scaleAndConcurrency: {
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReady: alwaysReadyHttp == 0 ? [] : [{ name: 'http', instanceCount: alwaysReadyHttp }]
    triggers: { http: { perInstanceConcurrency: httpConcurrency } }
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    siteConfig: { minTlsVersion: '1.2' }
    // siteUpdateStrategy is in preview and in no published type, so it is added only if it is wanted.
    functionAppConfig: updateStrategy == 'RollingUpdate'
      ? union(flex, { siteUpdateStrategy: { type: 'RollingUpdate' } })
      : flex
  }
}

// No deployment by user name and password.
resource ftp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource scm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

output id string = app.id
output name string = app.name
output origin string = 'https://${app.properties.defaultHostName}'
