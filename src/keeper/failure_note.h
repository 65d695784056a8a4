// The run's own words on why it failed: what it left in /tmp/failure_note. A program that knows (a notebook's cell, a step of a
// pipeline) can say it in one line, and the notes of the run quote it.
//
// The text is the analysis' and may be anything: it is bounded, quoted and escaped, and stands behind "in its own words".
#pragma once

#include <string>
#include <string_view>

namespace fumehood {

// Quoted; empty: it left none, or what lies there is no file. Never waits for a FIFO and follows no link.
std::string ReadFailureNote(int attempt_dir);

// The first line that is not blank, shortened, quoted: pure, for the tests.
std::string QuoteFailureNote(std::string_view text);

}  // namespace fumehood
