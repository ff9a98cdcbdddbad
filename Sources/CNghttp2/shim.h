// HTTP/2 framing, HPACK and flow control. Nothing is wrapped: all that is used is functions and plain structures.
#pragma once
#include <nghttp2/nghttp2.h>
