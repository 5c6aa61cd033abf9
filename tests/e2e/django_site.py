"""What stands around the views of docs/your-login.md: settings, paths, a database, a user."""

from __future__ import annotations

import os
import sys
from wsgiref.simple_server import make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import path

settings.configure(
    SECRET_KEY=os.environ["APP_SECRET"],
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.db"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    USE_TZ=True,
)
django.setup()
call_command("migrate", verbosity=0)
sys.path.insert(0, os.getcwd())  # noqa: PTH109 - an entry of sys.path is a text

import views  # noqa: E402 - it needs the settings
from django.contrib.auth.models import Group, User  # noqa: E402 - likewise

ada = User.objects.create_user("ada", "ada@example.com", "correct horse")
ada.groups.add(Group.objects.create(name="author"))

urlpatterns = [
    path("introspect", views.introspect),
    path("login", views.log_in),
    path("logout", views.csrf_exempt(views.log_out)),  # a browser's form has the token that this script lacks
]
make_server("127.0.0.1", int(os.environ["PORT"]), get_wsgi_application()).serve_forever()
