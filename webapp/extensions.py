"""The Flask extensions, made once and bound to an application in `create_app`."""

from __future__ import annotations

from flask_alembic import Alembic
from flask_babel import Babel
from flask_compress import Compress
from flask_login import LoginManager
from flask_mail import Mail
from flask_wtf import CSRFProtect

from webapp.database import Model

alembic = Alembic(run_mkdir=False, command_name="db", metadatas=Model.metadata)
babel = Babel()
compress = Compress()
csrf = CSRFProtect()
login_manager = LoginManager()
mail = Mail()
