// The app's settings: the whole list, so a setting that is in none of these objects is removed.

param appName string
param storageAccountName string
param storageAuth string
param insightsName string
param identityClientId string
param dataverseUrl string
@description('Empty: the app signs in to Dynamics by its identity.')
param dataverseClientId string
param tenantId string
@description('Names of the settings that are kept in the vault.')
param inVault string[]
param vaultUri string
param furtherSettings object

resource app 'Microsoft.Web/sites@2025-03-01' existing = { name: appName }
resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = { name: storageAccountName }
resource insights 'Microsoft.Insights/components@2020-02-02' existing = { name: insightsName }

// All three addresses, and no AzureWebJobsStorage, not even an empty one: else the host answers 401 to every post.
var storageByIdentity = {
  AzureWebJobsStorage__blobServiceUri: account.properties.primaryEndpoints.blob
  AzureWebJobsStorage__queueServiceUri: account.properties.primaryEndpoints.queue
  AzureWebJobsStorage__tableServiceUri: account.properties.primaryEndpoints.table
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
}

var telemetry = {
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}

// Without an organisation no DATAVERSE_ setting may be set: each would be a fault.
var signInByIdentity = {
  DATAVERSE_URL: dataverseUrl
  DATAVERSE_MANAGED_IDENTITY: identityClientId
}
var signInBySecret = {
  DATAVERSE_URL: dataverseUrl
  DATAVERSE_TENANT_ID: tenantId
  DATAVERSE_CLIENT_ID: dataverseClientId
}

var references = toObject(
  inVault,
  setting => setting,
  setting => '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/${replace(setting, '_', '-')})'
)

resource appSettings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(
    { PYTHON_THREADPOOL_THREAD_COUNT: '32' },
    storageAuth == 'identity'
      ? storageByIdentity
      : {
          AzureWebJobsStorage: 'DefaultEndpointsProtocol=https;AccountName=${account.name};AccountKey=${account.listKeys().keys[0].value};EndpointSuffix=${environment().suffixes.storage}'
        },
    telemetry,
    empty(dataverseUrl) ? {} : empty(dataverseClientId) ? signInByIdentity : signInBySecret,
    contains(inVault, 'LEADPIPE_KEYS') ? { LEADPIPE_AUTH: 'keys' } : {},
    contains(inVault, 'LEADPIPE_CANARY_URL') ? { LEADPIPE_CANARY: '1d' } : {},
    references,
    furtherSettings
  )
}
