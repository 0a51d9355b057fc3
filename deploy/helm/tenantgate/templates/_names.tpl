{{- define "tenantgate.name" -}}
{{- if contains "tenantgate" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-tenantgate{{ end }}
{{- end }}
{{- define "tenantgate.selector" -}}
app.kubernetes.io/name: tenantgate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "tenantgate.labels" -}}
{{ include "tenantgate.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
{{- define "tenantgate.config" -}}
{{- $c := deepCopy .Values.config }}
{{- $tenant := $c.tenant | default dict }}
{{- $_ := required "config.tenant.id is required: the directory ID of the home tenant" $tenant.id }}
{{- if or $c.listen $c.state }}{{ fail "config.listen and config.state are the chart's own: see service and persistence" }}{{ end }}
{{- if and (gt (int .Values.replicas) 1) (not .Values.caSecret) }}{{ fail "caSecret is required with more than one replica: clients trust one CA" }}{{ end }}
{{- $listen := dict "proxy" "0.0.0.0:8080" "admin" "0.0.0.0:9090" }}
{{- if .Values.service.steered }}{{ $_ := set $listen "steered" "0.0.0.0:8443" }}{{ end }}
{{- $_ := set $c "state" "/var/lib/tenantgate" }}
{{- $_ := set $c "listen" $listen }}
{{- toYaml $c }}
{{- end }}
{{- define "tenantgate.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
