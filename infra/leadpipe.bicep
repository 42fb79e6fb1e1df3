// leadpipe in one resource group. Each module has one concern; the order between them follows from what they pass on.

@description('Every resource is named after it.')
@minLength(1)
@maxLength(17)
param environmentName string = 'leadpipe'

@description('Region. It has to offer Flex Consumption: az functionapp list-flexconsumption-locations.')
param location string = resourceGroup().location

@description('Address of the Dynamics organisation, like https://contoso.crm4.dynamics.com. Empty: every lead rests in the fallback table.')
param dataverseUrl string = ''

@description('Client id of an application that signs in to Dynamics by secret. Empty: the app signs in by its identity, without a secret.')
param dataverseClientId string = ''

@secure()
@description('That application\'s secret. It is kept in a key vault. Empty: the app signs in by its identity.')
param dataverseClientSecret string = ''

@description('Directory of that application.')
param tenantId string = subscription().tenantId

@description('How host and leadpipe reach storage. identity: without a key. key: by connection string, if identity storage has a fault.')
@allowed(['identity', 'key'])
param storageAuth string = 'identity'

@description('Python of the app.')
@allowed(['3.12', '3.13'])
param pythonVersion string = '3.12'

@description('Memory of an instance. 512 is a quarter of a core, 2048 a whole one, 4096 two.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 512

@description('How many instances may run at once.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 10

@description('Instances that are kept awake for posts. 1 spares the marketplace the cold start, for about 5 USD a month with 512 MB. 0 is cheaper.')
@minValue(0)
@maxValue(10)
param alwaysReadyHttp int = 1

@description('How many posts one instance takes at a time.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 16

@description('What a deployment does to running instances. Recreate stops them at once. RollingUpdate (preview) replaces them one after another, so that no post is lost.')
@allowed(['Recreate', 'RollingUpdate'])
param updateStrategy string = 'Recreate'

@secure()
@description('Keys of the endpoint, as in LEADPIPE_KEYS. They are kept in a key vault, and leadpipe checks the keys of posts. Empty: the functions host checks them.')
param endpointKeys string = ''

@secure()
@description('Where leadpipe posts what needs a person: a Teams workflow, a Slack webhook, or anything that takes JSON. It is kept in a key vault. Empty: nowhere.')
param notifyUrl string = ''

@secure()
@description('Address of the endpoint with its key, as in Partner Center. leadpipe then posts a canary there once a day. It is kept in a key vault. Empty: no canary.')
param canaryUrl string = ''

@description('Address that gets a mail for each alert. Empty: the owners of the subscription get it.')
param alertEmail string = ''

@description('Asks /api/health from outside, every 15 minutes from two places, for about 3.50 USD a month.')
param availabilityTest bool = false

@description('Client id of the registration in Entra for the console on Azure (docs/console.md). With it a second app is made that serves the console. Empty: there is none.')
param consoleClientId string = ''

@description('Instances of the console that are kept awake. 1 spares people the cold start and a plan its end while nobody looks, for about 5 USD a month. 0 is cheaper.')
@minValue(0)
@maxValue(1)
param consoleAlwaysReady int = 0

@description('Object id of the person or group that runs leadpipe\'s commands. It gets the right to read and write leads. Empty: only the app has it.')
param operatorPrincipalId string = ''

@description('What that is.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorPrincipalType string = 'User'

@description('Further app settings, for instance { LEADPIPE_DEDUPE_WINDOW: \'14d\' }. A deployment removes every app setting that is set in no parameter.')
param furtherSettings object = {}

var tags = { 'azd-env-name': environmentName }

// The host tells apps that share a storage account apart by the first 32 letters of their names. With 24 at most,
// NAME-console, the console's app, still differs from NAME there.
var cleanName = toLower(replace(replace(environmentName, '_', '-'), '.', '-'))
var token = uniqueString(resourceGroup().id, environmentName)
var appName = '${cleanName}-${take(token, 6)}'
var storageName = 'st${token}'
var vaultName = 'kv-${token}'

// What must not be read in the app's settings is kept in a vault, which is made only if there is something to keep.
var inVault = map(
  filter(
    [
      { setting: 'LEADPIPE_KEYS', given: !empty(endpointKeys) }
      { setting: 'LEADPIPE_NOTIFY_URL', given: !empty(notifyUrl) }
      { setting: 'LEADPIPE_CANARY_URL', given: !empty(canaryUrl) }
      { setting: 'DATAVERSE_CLIENT_SECRET', given: signsInBySecret }
    ],
    each => each.given
  ),
  each => each.setting
)
var signsInBySecret = !empty(dataverseUrl) && !empty(dataverseClientId) && !empty(dataverseClientSecret)

module identity 'identity.bicep' = {
  params: { name: 'id-${appName}', location: location, tags: tags }
}

module storage 'storage.bicep' = {
  params: {
    name: storageName
    location: location
    tags: tags
    allowSharedKeyAccess: storageAuth == 'key'
  }
}

module monitoring 'monitoring.bicep' = {
  params: {
    workspaceName: 'log-${appName}'
    insightsName: 'appi-${appName}'
    location: location
    tags: tags
  }
}

module roles 'roles.bicep' = {
  params: {
    storageAccountName: storage.outputs.name
    insightsName: monitoring.outputs.insightsName
    appPrincipalId: identity.outputs.principalId
    operatorPrincipalId: operatorPrincipalId
    operatorPrincipalType: operatorPrincipalType
  }
}

module vault 'vault.bicep' = if (!empty(inVault)) {
  params: {
    name: vaultName
    location: location
    tags: tags
    tenantId: subscription().tenantId
    readerPrincipalId: identity.outputs.principalId
    settings: inVault
    values: {
      LEADPIPE_KEYS: endpointKeys
      LEADPIPE_NOTIFY_URL: notifyUrl
      LEADPIPE_CANARY_URL: canaryUrl
      DATAVERSE_CLIENT_SECRET: dataverseClientSecret
    }
  }
}

module app 'app.bicep' = {
  params: {
    name: appName
    planName: 'plan-${appName}'
    location: location
    tags: union(tags, { 'azd-service-name': 'leadpipe' })
    identityId: identity.outputs.id
    storageAccountName: storage.outputs.name
    packageContainer: storage.outputs.packageContainer
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyHttp: alwaysReadyHttp
    httpConcurrency: httpConcurrency
    updateStrategy: updateStrategy
  }
}

// Last: from here on the host starts, and reads its keys from storage. Without its roles it would refuse every post.
module settings 'settings.bicep' = {
  dependsOn: [roles]
  params: {
    appName: app.outputs.name
    storageAccountName: storage.outputs.name
    storageAuth: storageAuth
    insightsName: monitoring.outputs.insightsName
    identityClientId: identity.outputs.clientId
    dataverseUrl: dataverseUrl
    dataverseClientId: signsInBySecret ? dataverseClientId : ''
    tenantId: tenantId
    inVault: inVault
    vaultUri: empty(inVault) ? '' : vault!.outputs.uri
    furtherSettings: furtherSettings
  }
}

module console 'console.bicep' = if (!empty(consoleClientId)) {
  params: {
    name: '${appName}-console'
    location: location
    tags: tags
    clientId: consoleClientId
    alwaysReady: consoleAlwaysReady
    storageAccountName: storage.outputs.name
    storageAuth: storageAuth
    insightsName: monitoring.outputs.insightsName
    pythonVersion: pythonVersion
    dataverseUrl: dataverseUrl
    dataverseClientId: signsInBySecret ? dataverseClientId : ''
    tenantId: tenantId
    inVault: inVault
    vaultName: vaultName
    vaultUri: empty(inVault) ? '' : vault!.outputs.uri
    furtherSettings: furtherSettings
  }
}

module alerts 'alerts.bicep' = {
  params: {
    name: appName
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    appId: app.outputs.id
    alertEmail: alertEmail
  }
}

module workbook 'workbook.bicep' = {
  params: {
    name: appName
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

module availability 'availability.bicep' = if (availabilityTest) {
  params: {
    name: appName
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
    address: '${app.outputs.origin}/api/health'
    actionGroupId: alerts.outputs.actionGroupId
  }
}

output AZURE_FUNCTION_APP_NAME string = app.outputs.name
output AZURE_STORAGE_ACCOUNT_NAME string = storage.outputs.name
@description('The address for Partner Center, without the key.')
output LEADPIPE_ENDPOINT string = '${app.outputs.origin}/api/leads'
@description('Dynamics knows the app by this id: leadpipe setup makes the application user for it.')
output LEADPIPE_IDENTITY_CLIENT_ID string = identity.outputs.clientId
output LEADPIPE_IDENTITY_NAME string = identity.outputs.name
output LEADPIPE_KEY_VAULT_NAME string = empty(inVault) ? '' : vaultName
@description('The address of the console.')
output LEADPIPE_CONSOLE string = empty(consoleClientId) ? '' : console!.outputs.address
@description('Dynamics knows the console by this id.')
output LEADPIPE_CONSOLE_IDENTITY_CLIENT_ID string = empty(consoleClientId) ? '' : console!.outputs.identityClientId
