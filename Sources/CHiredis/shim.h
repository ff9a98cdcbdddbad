// hiredis is used for RESP only: the reader and the command formatter. The bytes travel over our own Transport.
#pragma once
#include <hiredis/hiredis.h>
#include <hiredis/read.h>
