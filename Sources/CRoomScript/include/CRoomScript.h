#pragma once

/// `Sources/Admission/room.lua` as it is. As a literal of Swift it took longer to compile than all of Admission.
const unsigned char *sluice_room_script(void);
unsigned long sluice_room_script_length(void);
