#include "CRoomScript.h"

#pragma clang diagnostic ignored "-Wc23-extensions"
static const unsigned char text[] = {
#embed "../Admission/room.lua"
};

const unsigned char *sluice_room_script(void) { return text; }

unsigned long sluice_room_script_length(void) { return sizeof text; }
