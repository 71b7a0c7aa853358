"""Files: originals under a folder of their tenant, on disk or in S3; the bundle by whitenoise."""

from config import env

MEDIA_ROOT = env.data_dir() / "media"
MEDIA_URL = "/media/"
STATIC_URL = "/static/"
STATIC_ROOT = env.data_dir() / "static"
STATICFILES_DIRS = [path for path in [env.BASE_DIR / "frontend" / "dist"] if path.is_dir()]
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 31536000 if env.production() else 0

STORAGES = {
    "default": (
        {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": env.text("S3_BUCKET"),
                "endpoint_url": env.text("S3_ENDPOINT_URL") or None,
                "access_key": env.text("AWS_ACCESS_KEY_ID") or None,
                "secret_key": env.text("AWS_SECRET_ACCESS_KEY") or None,
                "region_name": env.text("AWS_REGION") or None,
                "addressing_style": env.text("S3_ADDRESSING_STYLE", "auto"),
                "signature_version": "s3v4",
                "default_acl": None,
                "file_overwrite": False,
                "querystring_auth": True,
                "querystring_expire": 300,
            },
        }
        if env.text("S3_BUCKET")
        else {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    ),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o640
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
# The whole body of one request: a file of the largest kind that a channel carries, and its form.
UPLOAD_MAX_BYTES = env.integer("UPLOAD_MAX_MEGABYTES", 128) * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
DATA_UPLOAD_MAX_NUMBER_FILES = 20
