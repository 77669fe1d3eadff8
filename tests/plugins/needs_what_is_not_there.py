"""Cannot be imported here."""

import a_package_nobody_installed

VALUE = a_package_nobody_installed
