// The alerts. Each rule of alerts.json looks for log lines; one metric alert counts the posts that the host refuses.

param name string
param location string
param tags object
param workspaceId string
param appId string
param alertEmail string

var rules = loadJsonContent('alerts.json').rules
var owner = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'

resource receivers 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'leadpipe'
    enabled: true
    emailReceivers: empty(alertEmail) ? [] : [{ name: 'mail', emailAddress: alertEmail, useCommonAlertSchema: true }]
    armRoleReceivers: empty(alertEmail) ? [{ name: 'owners', roleId: owner, useCommonAlertSchema: true }] : []
  }
}

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${name}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.displayName
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: rule.evaluationFrequency
      windowSize: rule.windowSize
      autoMitigate: rule.autoMitigate
      // The workspace has no tables until the app has written its first line.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: rule.timeAggregation
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: {
              numberOfEvaluationPeriods: rule.evaluationPeriods
              minFailingPeriodsToAlert: rule.failingPeriods
            }
          }
        ]
      }
      actions: { actionGroups: [receivers.id] }
    }
  }
]

// The host answers a wrong key itself, so no log line shows it.
resource refused 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${name}-refused-by-host'
  location: 'global'
  tags: tags
  properties: {
    description: 'Posts are answered with 4xx. With a wrong key or address in Partner Center, leads are lost.'
    severity: 2
    enabled: true
    scopes: [appId]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT30M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'refused'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.Web/sites'
          metricName: 'Http4xx'
          // The metric has no values before the first request.
          skipMetricValidation: true
          timeAggregation: 'Total'
          // One is enough: a small publisher has no more than one post in half an hour.
          operator: 'GreaterThanOrEqual'
          threshold: 1
        }
      ]
    }
    actions: [{ actionGroupId: receivers.id }]
  }
}

output actionGroupId string = receivers.id
