{{- define "lingate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "lingate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "lingate.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "lingate.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "lingate.selector" -}}
app.kubernetes.io/name: {{ include "lingate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "lingate.labels" -}}
{{ include "lingate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{- define "lingate.secret" -}}
{{- default (include "lingate.fullname" .) .Values.existingSecret -}}
{{- end -}}

{{- define "lingate.workload" -}}
{{- if .Values.persistence.enabled -}}StatefulSet{{- else -}}Deployment{{- end -}}
{{- end -}}

{{- define "lingate.config" -}}
{{- $own := dict "host" "0.0.0.0" "port" 4000 "state_dir" "/var/lib/lingate" "drain" .Values.drainSeconds -}}
{{- mergeOverwrite (deepCopy .Values.config) (dict "lingate" $own) | toYaml -}}
{{- end -}}

{{- define "lingate.check" -}}
{{- $several := or (gt (int .Values.replicaCount) 1) .Values.autoscaling.enabled -}}
{{- if and $several (not .Values.existingSecret) (not .Values.databaseUrl) (not (hasKey .Values.secretEnv "LINGATE_DATABASE_URL")) -}}
{{- fail "several gateways need one database: set databaseUrl (Postgres) or existingSecret, or replicaCount: 1" -}}
{{- end -}}
{{- if and (not .Values.existingSecret) (not .Values.masterKey) (not (hasKey .Values.secretEnv "LINGATE_MASTER_KEY")) -}}
{{- fail "set masterKey (sk-...), or existingSecret with LINGATE_MASTER_KEY" -}}
{{- end -}}
{{- end -}}
