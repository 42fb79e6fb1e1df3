// What to decide before `azd up`. Each line has a default that a small publisher can keep.
// Values from readEnvironmentVariable come from azd's environment: `azd env set DATAVERSE_URL https://contoso.crm4.dynamics.com`.
// The others are changed here.
using 'main.bicep'

// Every resource is named after it: at most 17 letters, digits and hyphens. azd sets both.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'leadpipe')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')

// The Dynamics organisation. Without it every lead rests in the fallback table until you set it and drain the table.
param dataverseUrl = readEnvironmentVariable('DATAVERSE_URL', '')

// The app signs in to Dynamics by its own identity. Fill these in only if it has to be an application with a secret.
param dataverseClientId = readEnvironmentVariable('DATAVERSE_CLIENT_ID', '')
param dataverseClientSecret = readEnvironmentVariable('DATAVERSE_CLIENT_SECRET', '')
// That application's directory, if it is not the subscription's:
// param tenantId = '00000000-0000-0000-0000-000000000000'

// 'identity': no key anywhere. 'key': the connection string becomes an app setting. Change it only if the host has
// trouble with its storage by identity: every post is 401 although the key is right, or no function is found.
param storageAuth = 'identity'

param pythonVersion = '3.12'

// Size and number of instances. 512 MB is enough for thousands of leads a day.
param instanceMemoryMB = 512
param maximumInstanceCount = 10
param httpConcurrency = 16

// One instance that is always awake, for about 5 USD a month with 512 MB. With 0 the first post after a pause waits for a
// cold start, and the marketplace posts only once.
param alwaysReadyHttp = 1

// 'Recreate' stops running instances at each deployment and each changed setting: a post in that moment is lost.
// 'RollingUpdate' replaces them one after another. Microsoft calls it a preview.
param updateStrategy = 'Recreate'

// The functions host checks the endpoint's key. With keys here leadpipe checks it, and several can be valid at once.
// They are secrets: azd keeps them in plain text in .azure/, which git and the package leave out.
param endpointKeys = readEnvironmentVariable('LEADPIPE_KEYS', '')

// Where leadpipe posts what needs a person (docs/alerts.md), and the address of the daily canary (docs/operating.md).
param notifyUrl = readEnvironmentVariable('LEADPIPE_NOTIFY_URL', '')
param canaryUrl = readEnvironmentVariable('LEADPIPE_CANARY_URL', '')

// Who gets Azure's alerts by mail. Without an address the owners of the subscription get them.
param alertEmail = readEnvironmentVariable('LEADPIPE_ALERT_EMAIL', '')

// Asks /api/health from outside, for about 3.50 USD a month: every 15 minutes from two places.
param availabilityTest = false

// The operators' console on Azure, an app of its own: docs/console.md says how to make the registration in Entra whose
// client id this is.
param consoleClientId = readEnvironmentVariable('LEADPIPE_CONSOLE_CLIENT_ID', '')

// With 1 the console's one instance stays awake, for about 5 USD a month. With 0 the first page after a pause waits for a
// cold start, and a plan ends if nobody looks at it for some minutes.
param consoleAlwaysReady = 0

// Who may use leadpipe's commands from outside Azure. azd sets the id of the person who deploys. In a pipeline that is a
// service principal: `azd env set AZURE_PRINCIPAL_TYPE ServicePrincipal`.
param operatorPrincipalId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param operatorPrincipalType = readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', 'User')

// Other settings of the README's table, for instance { LEADPIPE_DEDUPE_WINDOW: '14d' }. Put them here and not into the
// portal: each deployment removes what it does not know.
param furtherSettings = {}
