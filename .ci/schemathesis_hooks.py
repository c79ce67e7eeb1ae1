"""What schemathesis does not know by itself: how NDJSON is written, and which paths API Gateway refuses."""

import json
from urllib.parse import unquote

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(context, value):
    if isinstance(value, str):
        return value.encode()
    lines = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@schemathesis.hook
def filter_path_parameters(context, path_parameters):
    """API Gateway decodes paths twice, and answers 400 by itself where that fails."""
    return not any("%" in unquote(str(value)) for value in (path_parameters or {}).values())
