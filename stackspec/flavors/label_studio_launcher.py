"""Starts Label Studio with one user as its variables say, also over a database that knows that user otherwise.

Label Studio itself gives a user a password and a token only as it makes the user.
"""

from __future__ import annotations

import os
import sys


def _correct() -> None:
    """Give the user the password and the token, where there is that user."""
    import django
    import label_studio

    sys.path.insert(0, os.path.dirname(label_studio.__file__))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "label_studio.core.settings.label_studio")
    django.setup()
    from django.contrib.auth import get_user_model
    from django.db import OperationalError, transaction
    from rest_framework.authtoken.models import Token

    try:
        with transaction.atomic():
            user = get_user_model().objects.filter(email=os.environ["LABEL_STUDIO_USERNAME"]).first()
            if user is None:
                return
            user.set_password(os.environ["LABEL_STUDIO_PASSWORD"])
            user.save()
            Token.objects.filter(user=user).delete()
            Token.objects.create(user=user, key=os.environ["LABEL_STUDIO_USER_TOKEN"])
    except OperationalError:
        return  # there is no database yet, or it is of a version that is brought up to date now


if __name__ == "__main__":
    _correct()
    from label_studio.server import main

    sys.exit(main())
