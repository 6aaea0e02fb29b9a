#!/bin/sh
# OpenAI's protocol on the wire: every field, streams, errors.
exec python3 "$(dirname "$0")/../api/openai_api.py"
