"""The pages."""

import os

import django
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def index(request: HttpRequest) -> HttpResponse:
    """The one page."""
    facts = {"Dyno": os.environ.get("DYNO", "-"), "Django": django.get_version(), "Host": request.get_host()}
    return render(request, "pages/index.html", {"facts": facts})


def health(_request: HttpRequest) -> HttpResponse:
    """For whoever asks whether the app is up."""
    return HttpResponse("ok\n", content_type="text/plain")
