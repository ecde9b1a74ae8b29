"""Django REST Framework with djangorestframework-api-key, answering what our server answers.

`python peer.py` makes the database, the rows and a key, and prints the key; gunicorn then serves `peer:application`.
AVALA_BENCH_DRF names the folder of the database and of `answers.json`, the bodies by path.

It has the best conditions: no middleware, no sessions, one connection to the database per thread. A key's rights are a
constant; a page is rows of a model, by a serializer, in a cursor's order, as its documentation has it. The package
verifies the key as it does by default.
"""

import json
import os
from pathlib import Path

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

HOME = Path(os.environ["AVALA_BENCH_DRF"])

settings.configure(
    SECRET_KEY="only for measurements",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="peer",
    INSTALLED_APPS=["rest_framework", "rest_framework_api_key"],
    MIDDLEWARE=[],
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": HOME / "peer.db",
            "CONN_MAX_AGE": None,
        }
    },
    API_KEY_CUSTOM_HEADER="HTTP_X_AVALA_API_KEY",
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
        "UNAUTHENTICATED_TOKEN": None,
    },
)
django.setup()

from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.generics import ListAPIView  # noqa: E402
from rest_framework.pagination import CursorPagination  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.serializers import ModelSerializer  # noqa: E402
from rest_framework.views import APIView  # noqa: E402
from rest_framework_api_key.models import APIKey  # noqa: E402
from rest_framework_api_key.permissions import HasAPIKey  # noqa: E402

PAGE = "/api/v1/webhooks/"


class Webhook(models.Model):
    position = models.BigAutoField(primary_key=True)
    uid = models.CharField(max_length=36, unique=True)
    target_url = models.CharField(max_length=2048)
    events = models.JSONField()
    is_active = models.BooleanField()
    secret = models.CharField(max_length=64, null=True)
    # As text, which costs less than an instant.
    created_at = models.CharField(max_length=32)
    updated_at = models.CharField(max_length=32)

    class Meta:
        app_label = "rest_framework"


class WebhookSerializer(ModelSerializer):
    class Meta:
        model = Webhook
        fields = ["uid", "target_url", "events", "is_active", "secret", "created_at", "updated_at"]


class NewestFirst(CursorPagination):
    page_size = 20
    ordering = "-position"


class WithLength:
    """Django's middleware would say the length; without it, the answer would be chunked."""

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        response.add_post_render_callback(lambda whole: whole.headers.__setitem__("Content-Length", len(whole.content)))
        return response


class Constant(WithLength, APIView):
    """The same answer to whoever has a key."""

    permission_classes = [HasAPIKey]
    answer = None

    def get(self, request):
        return Response(self.answer)


class Webhooks(WithLength, ListAPIView):
    """A page of rows to whoever has a key."""

    permission_classes = [HasAPIKey]
    queryset = Webhook.objects.all()
    serializer_class = WebhookSerializer
    pagination_class = NewestFirst


def answers():
    file = HOME / "answers.json"
    return json.loads(file.read_text()) if file.exists() else {}


urlpatterns = [
    path(route.lstrip("/"), Webhooks.as_view() if route == PAGE else Constant.as_view(answer=answer))
    for route, answer in answers().items()
]

if __name__ == "__main__":
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    # As Django's own advice for SQLite in production has it.
    connection.cursor().execute("PRAGMA journal_mode=WAL")
    with connection.schema_editor() as schema:
        schema.create_model(Webhook)
    # Newest first is how they are answered.
    for webhook in reversed(answers()[PAGE]["results"]):
        Webhook.objects.create(**webhook)
    _, key = APIKey.objects.create_key(name="measurements")
    print(key)
else:
    application = get_wsgi_application()
