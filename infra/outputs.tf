output "kubeconfig" {
  value = "aws eks update-kubeconfig --name ${aws_eks_cluster.this.name} --region ${var.region}"
}

output "bucket" {
  value = aws_s3_bucket.this.bucket
}

output "database" {
  description = "Host of PostgreSQL, and the Secret of Secrets Manager that has its password."
  value       = { host = aws_db_instance.this.address, secret = aws_db_instance.this.master_user_secret[0].secret_arn }
}

output "registry" {
  description = "PREFIX for `make images`, and the head of the images' names in the chart's values."
  value       = "${split("/", values(aws_ecr_repository.this)[0].repository_url)[0]}/"
}

output "roles" {
  description = "Values of eks.amazonaws.com/role-arn in values-eks.yaml."
  value       = { for name, role in aws_iam_role.pod : name => role.arn }
}
