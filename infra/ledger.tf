# Decisions about which model is champion are made by `promote` alone, and stay: whatever a role's own policy allows, the bucket denies
# the rest. Who looks after a ledger by hand takes this policy off first, which CloudTrail sees.
resource "aws_s3_bucket_policy" "ledger" {
  bucket = aws_s3_bucket.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyPromoteDecides"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:PutObject"]
        Resource  = ["${local.bucket}/lake/ledger/*", "${local.bucket}/lake/promotion/*"]
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = aws_iam_role.pod["promote"].arn } }
      },
      {
        Sid       = "NobodyOverwrites" # a put without If-None-Match would replace what is there
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:PutObject"]
        Resource  = ["${local.bucket}/lake/ledger/*"]
        Condition = {
          Null = { "s3:if-none-match" = "true" }
          Bool = { "s3:ObjectCreationOperation" = "true" } # parts of an upload carry no such header; its end does
        }
      },
      {
        Sid       = "NobodyDeletes"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
        Resource  = ["${local.bucket}/lake/ledger/*"]
      },
    ]
  })
}
