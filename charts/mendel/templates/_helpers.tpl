{{/* Names that more than one template needs. Every object is called after the release, so that two may share a cluster. */}}

{{- define "mendel.labels" -}}
app.kubernetes.io/part-of: mendel
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Of one component: (list . "mlflow") */}}
{{- define "mendel.selector" -}}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Who may reach a port with metrics: its own peers, and Prometheus where it is set up. (list . PEERS), in JSON */}}
{{- define "mendel.scrapers" -}}
{{- $watch := (index . 0).Values.watch }}
{{- concat (index . 1) ($watch.enabled | ternary $watch.scrapers list) | toJson }}
{{- end }}

{{/* The official chart's prefix, as it makes it with useStandardNaming. */}}
{{- define "mendel.airflow" -}}
{{- contains "airflow" .Release.Name | ternary .Release.Name (printf "%s-airflow" .Release.Name) }}
{{- end }}

{{- define "mendel.airflow.image" -}}
{{- with .Values.airflow.images.airflow }}{{ .repository }}:{{ .tag }}{{ end }}
{{- end }}

{{- define "mendel.airflow.secret" -}}
{{- .Values.airflow.fernetKeySecretName }}
{{- end }}

{{- define "mendel.store.endpoint" -}}
{{- if .Values.s3.enabled }}http://{{ .Release.Name }}-s3:7070{{ else }}{{ .Values.global.store.endpoint }}{{ end }}
{{- end }}

{{- define "mendel.registry.git" -}}
{{- if .Values.registry.trial }}git://{{ .Release.Name }}-registry/registry.git
{{- else }}{{ required "registry.git: the URL of the data registry's Git repository (or registry.trial: true)" .Values.registry.git }}{{ end }}
{{- end }}

{{/* What the restricted Pod Security Standard asks for. (dict "uid" 50000 "gid" 0) */}}
{{- define "mendel.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .uid }}
runAsGroup: {{ .gid }}
fsGroup: {{ .gid | default .uid }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "mendel.containerSecurity" -}}
{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
{{- end }}

{{/* Airflow's own settings for a container outside its chart. */}}
{{- define "mendel.airflow.env" -}}
- name: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN
  valueFrom: {secretKeyRef: {name: {{ include "mendel.airflow.secret" . }}, key: connection}}
- name: AIRFLOW__CORE__FERNET_KEY
  valueFrom: {secretKeyRef: {name: {{ include "mendel.airflow.secret" . }}, key: fernet-key}}
- name: AIRFLOW__CORE__AUTH_MANAGER
  value: airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager
{{- end }}

{{/*
A secret value that stays the same: (list . SECRET KEY LENGTH), in base64. In order: derived from secrets.seed, what the
cluster has, and at an install a new one. An upgrade that finds none fails: a new key would make what is stored unreadable.
With a fifth element, whatever it is, an upgrade makes a new one too: nothing is stored under it.
*/}}
{{- define "mendel.keep" -}}
{{- $root := index . 0 }}{{ $secret := index . 1 }}{{ $key := index . 2 }}{{ $length := index . 3 }}
{{- $known := (lookup "v1" "Secret" $root.Release.Namespace $secret).data | default dict }}
{{- if $root.Values.secrets.seed }}
  {{- $first := printf "%s/%s/%s" $root.Values.secrets.seed $secret $key | sha256sum }}
  {{- printf "%s%s" $first (sha256sum $first) | trunc $length | b64enc }}
{{- else if hasKey $known $key }}
  {{- get $known $key }}
{{- else if or $root.Release.IsInstall (gt (len .) 4) }}
  {{- randAlphaNum $length | b64enc }}
{{- else }}
  {{- fail (printf "the Secret %s of this release has no %s any more. Bring it back from your backup; new values would make what is stored unreadable. Rendering without a cluster? Set secrets.seed or secrets.create=false" $secret $key) }}
{{- end }}
{{- end }}
