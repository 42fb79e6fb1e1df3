// Everything of leadpipe, as azd deploys it: a resource group, and leadpipe.bicep in it.
// Without azd, deploy leadpipe.bicep into a group that exists. Both have the same parameters; main.bicepparam explains
// them.
targetScope = 'subscription'

@description('Every resource is named after it, and so is the group.')
@minLength(1)
@maxLength(17)
param environmentName string = 'leadpipe'

@description('Region. It has to offer Flex Consumption: az functionapp list-flexconsumption-locations.')
param location string = deployment().location

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

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module leadpipe 'leadpipe.bicep' = {
  scope: group
  params: {
    environmentName: environmentName
    location: location
    dataverseUrl: dataverseUrl
    dataverseClientId: dataverseClientId
    dataverseClientSecret: dataverseClientSecret
    tenantId: tenantId
    storageAuth: storageAuth
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyHttp: alwaysReadyHttp
    httpConcurrency: httpConcurrency
    updateStrategy: updateStrategy
    endpointKeys: endpointKeys
    notifyUrl: notifyUrl
    canaryUrl: canaryUrl
    alertEmail: alertEmail
    availabilityTest: availabilityTest
    consoleClientId: consoleClientId
    consoleAlwaysReady: consoleAlwaysReady
    operatorPrincipalId: operatorPrincipalId
    operatorPrincipalType: operatorPrincipalType
    furtherSettings: furtherSettings
  }
}

// azd keeps these in the environment, where the hooks find them.
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_APP_NAME string = leadpipe.outputs.AZURE_FUNCTION_APP_NAME
output AZURE_STORAGE_ACCOUNT_NAME string = leadpipe.outputs.AZURE_STORAGE_ACCOUNT_NAME
output LEADPIPE_ENDPOINT string = leadpipe.outputs.LEADPIPE_ENDPOINT
output LEADPIPE_IDENTITY_CLIENT_ID string = leadpipe.outputs.LEADPIPE_IDENTITY_CLIENT_ID
output LEADPIPE_IDENTITY_NAME string = leadpipe.outputs.LEADPIPE_IDENTITY_NAME
output LEADPIPE_KEY_VAULT_NAME string = leadpipe.outputs.LEADPIPE_KEY_VAULT_NAME
output LEADPIPE_CONSOLE string = leadpipe.outputs.LEADPIPE_CONSOLE
output LEADPIPE_CONSOLE_IDENTITY_CLIENT_ID string = leadpipe.outputs.LEADPIPE_CONSOLE_IDENTITY_CLIENT_ID
