"""What a WSGI server loads: `granian --interface wsgi wsgi:app`."""

from config import Config, ConfigurationError
from webapp import create_app

try:
    app = create_app(Config.from_environment())
except ConfigurationError as faults:
    raise SystemExit(str(faults)) from None
