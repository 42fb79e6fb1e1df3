// What the app and the operator may do. A new role takes effect after some minutes.

param storageAccountName string
param insightsName string
param appPrincipalId string
param operatorPrincipalId string
param operatorPrincipalType string

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = { name: storageAccountName }
resource insights 'Microsoft.Insights/components@2020-02-02' existing = { name: insightsName }

var storageBlobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var storageQueueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
var storageTableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

// The host keeps its keys and locks in blobs. leadpipe, and so its commands, use queues and tables.
var rolesOfTheApp = [storageBlobDataOwner, storageQueueDataContributor, storageTableDataContributor]
var rolesOfTheOperator = empty(operatorPrincipalId) ? [] : [storageQueueDataContributor, storageTableDataContributor]

resource storageForTheApp 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in rolesOfTheApp: {
    name: guid(account.id, appPrincipalId, role)
    scope: account
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource storageForTheOperator 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in rolesOfTheOperator: {
    name: guid(account.id, operatorPrincipalId, role)
    scope: account
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
      principalId: operatorPrincipalId
      principalType: operatorPrincipalType
    }
  }
]

resource telemetryForTheApp 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, appPrincipalId, monitoringMetricsPublisher)
  scope: insights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}
