"""Django REST Framework with djangorestframework-api-key, answering what our server answers.

`python peer.py` makes the database and prints a key; gunicorn then serves `peer:application`.
AVALA_BENCH_DRF names the folder of the database and of `answers.json`, the bodies by path.

It has the best conditions: no middleware, no sessions, one connection to the database per thread, and a constant
answer where ours asks its database. The package verifies the key as it does by default.
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

from django.urls import path  # noqa: E402
from rest_framework.renderers import JSONRenderer  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402
from rest_framework_api_key.models import APIKey  # noqa: E402
from rest_framework_api_key.permissions import HasAPIKey  # noqa: E402


class Answer(APIView):
    """The answer to whoever has a key."""

    permission_classes = [HasAPIKey]
    answer = None

    length = None

    def get(self, request):
        # Django's middleware would say the length; without it, the answer would be chunked.
        return Response(self.answer, headers={"Content-Length": self.length})


def answers():
    file = HOME / "answers.json"
    return json.loads(file.read_text()) if file.exists() else {}


urlpatterns = [
    path(route.lstrip("/"), Answer.as_view(answer=answer, length=len(JSONRenderer().render(answer))))
    for route, answer in answers().items()
]

if __name__ == "__main__":
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    # As Django's own advice for SQLite in production has it.
    from django.db import connection

    connection.cursor().execute("PRAGMA journal_mode=WAL")
    _, key = APIKey.objects.create_key(name="measurements")
    print(key)
else:
    application = get_wsgi_application()
