#!/bin/sh
# Adapters: of derived models, by request, in company, with receipts; what does not fit.
exec python3 "$(dirname "$0")/../api/adapters.py"
