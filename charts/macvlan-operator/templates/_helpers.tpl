{{/* Labels of everything that the chart makes. */}}
{{- define "macvlan.labels" -}}
app.kubernetes.io/name: macvlan-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels by which the controller's pods are found; they must not change between versions. */}}
{{- define "macvlan.controllerSelector" -}}
app.kubernetes.io/name: macvlan-operator
app.kubernetes.io/component: controller
{{- end }}

{{/* The image of controller and agent. */}}
{{- define "macvlan.image" -}}
{{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}

{{/* The names are fixed: the controller writes the agent's DaemonSet with them, and one cluster has one operator. */}}
{{- define "macvlan.controllerAccount" -}}
system:serviceaccount:{{ .Release.Namespace }}:macvlan-controller
{{- end }}
{{- define "macvlan.agentAccount" -}}
system:serviceaccount:{{ .Release.Namespace }}:macvlan-agent
{{- end }}
