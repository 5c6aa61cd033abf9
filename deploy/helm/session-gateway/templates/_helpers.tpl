{{- define "gateway.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "gateway.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- else if contains (include "gateway.name" .) .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "gateway.name" .) | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ include "gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "gateway.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "gateway.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "gateway.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* The text of the config; its ConfigMap's name carries a hash of it, so that another config is a rollout. */}}
{{- define "gateway.config" -}}
{{- if kindIs "string" .Values.config -}}
{{ .Values.config }}
{{- else -}}
{{ toYaml .Values.config }}
{{- end -}}
{{- end -}}

{{- define "gateway.configMap" -}}
{{ include "gateway.fullname" . }}-{{ include "gateway.config" . | sha256sum | trunc 10 }}
{{- end -}}

{{- define "gateway.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* A container of the gateway's image, but for its name and arguments. */}}
{{- define "gateway.container" -}}
image: {{ include "gateway.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.env }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - {name: config, mountPath: /etc/gateway, readOnly: true}
  {{- if .Values.secrets.existingSecrets }}
  - {name: secrets, mountPath: {{ .Values.secrets.mountPath }}, readOnly: true}
  {{- end }}
  {{- if .Values.clusterKeys.enabled }}
  - {name: cluster, mountPath: /run/secrets/cluster, readOnly: true}
  {{- end }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- end -}}

{{- define "gateway.server" -}}
name: gateway
args: [serve, -c, /etc/gateway/gateway.yaml]
{{ include "gateway.container" . }}
ports:
  - {name: http, containerPort: {{ .Values.ports.public }}}
  - {name: health, containerPort: {{ .Values.ports.health }}}
  {{- with .Values.ports.grpc }}
  - {name: grpc, containerPort: {{ . }}}
  {{- end }}
startupProbe:
  httpGet: {path: /readyz, port: health}
  periodSeconds: 1
  failureThreshold: 30
readinessProbe:
  httpGet: {path: /readyz, port: health}
  periodSeconds: 2
  failureThreshold: 1
livenessProbe:
  httpGet: {path: /healthz, port: health}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
lifecycle:
  preStop:
    sleep: {seconds: 5} # until every node has taken this pod out of the Service
{{- end -}}

{{/* The volumes of a pod, given `root` and the name of its `configMap`. */}}
{{- define "gateway.volumes" -}}
- name: config
  configMap: {name: {{ .configMap }}}
{{- with .root.Values.secrets.existingSecrets }}
- name: secrets
  projected:
    sources:
      {{- range . }}
      - secret: {name: {{ . }}}
      {{- end }}
{{- end }}
{{- if .root.Values.clusterKeys.enabled }}
- name: cluster
  projected:
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- end -}}
