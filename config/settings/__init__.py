"""Settings by concern; each file reads what it needs through config.env."""

from config.settings.apps import *
from config.settings.auth import *
from config.settings.background import *
from config.settings.database import *
from config.settings.files import *
from config.settings.language import *
from config.settings.logs import *
from config.settings.product import *
from config.settings.security import *
from config.settings.web import *
