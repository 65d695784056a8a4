// How things are shown to people. Colour and progress only on a terminal; anybody else gets plain text.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "fumehood/run_result.h"

namespace fumehood {

enum class Colour { kPlain, kGood, kBad, kWarning, kFaint, kStrong };
std::string Painted(const std::string& text, Colour colour, bool on_terminal);
Colour ColourOf(RunStatus status);

// To standard output, whole; false when whoever read it has gone.
bool PrintOut(const std::string& text);
void PrintErr(const std::string& text);

// An error as a person reads it: "fumehood: ...", and each problem on a line of its own.
std::string ErrorText(const Error& error, bool on_terminal);
// The same as one line of JSON: {"error": {"code", "message", "problems": [{field, message, source, line, column}]}}.
std::string ErrorJson(const Error& error);
struct Context;
void Tell(const Error& error, const Context& context);  // to standard error, in the form that was asked for

// Columns, padded with spaces. The first row is the head.
std::string Table(const std::vector<std::vector<std::string>>& rows, bool on_terminal);

// A name that others chose, fit for a terminal: as it is, or quoted and escaped where it holds more than plain text.
std::string Shown(const std::string& text);

std::string HumanSeconds(double seconds);  // "3.2 s", "4 min 10 s"

}  // namespace fumehood
