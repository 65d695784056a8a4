// The program of a waiting Python interpreter: the text of python/parked_python.py, which travels in the order for its box, since no
// hood shows our own files.
#pragma once

namespace fumehood {

extern const char* const kParkedPython;

}  // namespace fumehood
