variable "name" {
  description = "What everything is called after; buckets take the account's number besides."
  type        = string
  default     = "mendel"
}

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "namespace" {
  description = "Namespace that the chart is installed into; the roles trust its ServiceAccounts alone."
  type        = string
  default     = "mendel"
}

variable "kubernetes_version" {
  type    = string
  default = "1.34"
}

variable "vpc_id" {
  description = "A VPC with a NAT gateway for its private subnets."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets in two zones or more, for nodes and database."
  type        = list(string)
}

variable "admin_cidrs" {
  description = "Address ranges that reach the cluster's API server."
  type        = list(string)
  validation {
    condition     = !contains(var.admin_cidrs, "0.0.0.0/0")
    error_message = "Name the ranges that you work from, not the whole internet."
  }
}

variable "cpu_nodes" {
  description = "Nodes for Airflow, MLflow and the stages on CPUs."
  type        = object({ type = string, min = number, max = number })
  default     = { type = "m7i.xlarge", min = 2, max = 6 }
}

variable "gpu_nodes" {
  description = "Nodes that are there while a stage needs a GPU. `max` caps the bill."
  type        = object({ type = string, max = number })
  default     = { type = "g6.xlarge", max = 1 }
}

variable "database" {
  type    = object({ type = string, gigabytes = number })
  default = { type = "db.t4g.medium", gigabytes = 50 }
}

variable "feedback" {
  description = "Whether the online service keeps readers' feedback: the chart's serve.feedback."
  type        = bool
  default     = false
}

variable "monthly_budget_usd" {
  description = "Above it, and at 80 % of it, `budget_email` gets a message."
  type        = number
  default     = 500
}

variable "budget_email" {
  type = string
}
