# A role for each kind of pod (IRSA): trusted by named ServiceAccounts of one namespace, allowed parts of one bucket.
resource "aws_iam_openid_connect_provider" "this" {
  url            = aws_eks_cluster.this.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  issuer = trimprefix(aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://")
  bucket = aws_s3_bucket.this.arn
  pods = {
    stages = {
      accounts = [for class in ["cpu", "gpu", "spark"] : "${var.namespace}:mendel-${class}"]
      write    = ["lake/*", "registry/*"]
      read     = []
    }
    promote = { # and nobody else: see ledger.tf
      accounts = ["${var.namespace}:mendel-promote"]
      write    = ["lake/ledger/*", "lake/promotion/*", "lake/mlflow/*"]
      read     = ["lake/*"]
    }
    airflow = {
      accounts = [for part in ["scheduler", "triggerer", "api-server", "dag-processor", "worker"] : "${var.namespace}:mendel-airflow-${part}"]
      write    = ["logs/*", "lake/inbox/*"] # helm test puts a batch there
      read     = ["lake/*"]
    }
    mlflow = {
      accounts = ["${var.namespace}:mendel-mlflow"]
      write    = ["lake/mlflow/*"]
      read     = []
    }
    serve = {
      accounts = ["${var.namespace}:mendel-serve"]
      write    = []
      read     = ["lake/*"]
    }
    watch = { # the lake's metrics
      accounts = ["${var.namespace}:mendel-lake-metrics"]
      write    = []
      read     = ["lake/*"]
    }
    ebs = { accounts = ["kube-system:ebs-csi-controller-sa"], write = [], read = [] }
  }
}

resource "aws_iam_role" "pod" {
  for_each = local.pods
  name     = "${var.name}-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.this.arn }
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = [for account in each.value.accounts : "system:serviceaccount:${account}"]
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "pod" {
  for_each = { for name, pod in local.pods : name => pod if length(concat(pod.read, pod.write)) > 0 }
  name     = "bucket"
  role     = aws_iam_role.pod[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in [
      { Effect = "Allow", Action = ["s3:ListBucket", "s3:GetBucketLocation"], Resource = [local.bucket] },
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = [for prefix in each.value.write : "${local.bucket}/${prefix}"]
      },
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = [for prefix in concat(each.value.read, each.value.write) : "${local.bucket}/${prefix}"]
      },
    ] : statement if length(statement.Resource) > 0]
  })
}

# What readers of the online service say: it is created, and neither changed nor deleted by who serves.
resource "aws_iam_role_policy" "feedback" {
  count = var.feedback ? 1 : 0
  name  = "feedback"
  role  = aws_iam_role.pod["serve"].name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["s3:PutObject"], Resource = ["${local.bucket}/lake/feedback_inbox/*"] }]
  })
}

resource "aws_iam_role_policy_attachment" "ebs" {
  role       = aws_iam_role.pod["ebs"].name
  policy_arn = "arn:${data.aws_partition.this.partition}:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
}
