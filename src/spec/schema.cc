#include "src/spec/schema.h"

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/spec/document.h"
#include "src/spec/fields.h"
#include "src/spec/import.h"
#include "src/spec/limits.h"
#include "src/spec/names.h"
#include "src/spec/print.h"

namespace fumehood {
namespace {

void WriteType(JsonWriter& out, const char* type) { out.Key("type").String(type); }

// Text that may also be a number or a boolean as it was written, as the reader takes it: `command: [sleep, 10]`.
void WriteLooseText(JsonWriter& out) {
  out.BeginObject().Key("type").BeginArray().String("string").String("number").String("boolean").EndArray().EndObject();
}

void WriteTextList(JsonWriter& out) {
  WriteType(out, "array");
  out.Key("items");
  WriteLooseText(out);
}

void WriteChoices(JsonWriter& out, const std::vector<std::string>& choices) {
  out.Key("enum").BeginArray();
  for (const std::string& choice : choices) out.String(choice);
  out.EndArray();
}

void WriteRange(JsonWriter& out, const FieldInfo& field) {
  const LimitField* limit = FindLimitField(field.name);
  if (limit == nullptr) return;
  out.Key("minimum").Double(limit->lowest);
  const double highest = GetLimit(kHighestLimits, *limit);
  out.Key("maximum");
  if (limit->whole != nullptr) {
    out.Int(static_cast<int64_t>(highest));
  } else {
    out.Double(highest);
  }
}

void WriteCommand(JsonWriter& out) {
  out.Key("oneOf").BeginArray();
  out.BeginObject();
  WriteType(out, "string");
  out.Key("minLength").Int(1).EndObject();
  out.BeginObject();
  WriteTextList(out);
  out.Key("minItems").Int(1).EndObject();
  out.EndArray();
}

void WriteMemory(JsonWriter& out, const FieldInfo& field) {
  const auto whole = [&] {
    out.BeginObject();
    WriteType(out, "integer");
    WriteRange(out, field);
    out.EndObject();
  };
  out.Key("oneOf").BeginArray();
  whole();
  out.BeginObject().Key("const").String("auto").EndObject();
  out.BeginObject();
  WriteType(out, "object");
  out.Key("properties").BeginObject();
  out.Key("start");
  whole();
  out.Key("on_oom").BeginObject().Key("type").String("string").Key("pattern").String("^x[2-9][0-9]?$").EndObject();
  out.Key("max");
  whole();
  out.EndObject();
  out.Key("required").BeginArray().String("start").String("on_oom").String("max").EndArray();
  out.Key("additionalProperties").Bool(false).EndObject();
  out.EndArray();
}

void WriteEnv(JsonWriter& out) {
  WriteType(out, "object");
  out.Key("propertyNames").BeginObject().Key("pattern").String("^(?!FUMEHOOD_)[A-Za-z_][A-Za-z0-9_]*$").EndObject();
  out.Key("additionalProperties").BeginObject().Key("oneOf").BeginArray();
  WriteLooseText(out);
  out.BeginObject().Key("type").String("object").Key("properties").BeginObject().Key("secret").BeginObject();
  WriteType(out, "object");
  out.Key("properties").BeginObject();
  for (const char* source : {"file", "env"}) out.Key(source).BeginObject().Key("type").String("string").EndObject();
  out.EndObject();
  out.Key("minProperties").Int(1).Key("maxProperties").Int(1).Key("additionalProperties").Bool(false);
  out.EndObject().EndObject();
  out.Key("required").BeginArray().String("secret").EndArray();
  out.Key("additionalProperties").Bool(false).EndObject();
  out.EndArray().EndObject();
}

void WriteNetwork(JsonWriter& out) {
  out.Key("oneOf").BeginArray();
  out.BeginObject();
  WriteChoices(out, {"none", "host"});
  out.EndObject();
  out.BeginObject();
  WriteType(out, "object");
  out.Key("properties").BeginObject().Key("allow").BeginObject();
  WriteTextList(out);
  out.EndObject().EndObject();
  out.Key("required").BeginArray().String("allow").EndArray();
  out.Key("additionalProperties").Bool(false).EndObject();
  out.EndArray();
}

void WriteField(JsonWriter& out, const FieldInfo& field);

void WriteRecord(JsonWriter& out, const FieldInfo& field, std::string_view separator) {
  std::vector<std::string> required;
  WriteType(out, "object");
  out.Key("properties").BeginObject();
  for (const std::string& name : RecordFieldNames(field.name)) {
    const FieldInfo& part = *FindSpecField(std::string(field.name) + std::string(separator) + name);
    if (part.default_words.starts_with("none: it is required")) required.push_back(name);
    out.Key(name);
    WriteField(out, part);
  }
  out.EndObject();
  if (!required.empty()) {
    out.Key("required").BeginArray();
    for (const std::string& name : required) out.String(name);
    out.EndArray();
  }
  out.Key("additionalProperties").Bool(false);
}

void WriteTextField(JsonWriter& out, const FieldInfo& field) {
  WriteType(out, "string");
  if (field.shape == Shape::kChoice) WriteChoices(out, SplitWords(field.choices));
  if (field.name == "executor") WriteChoices(out, {std::begin(kExecutorNames), std::end(kExecutorNames)});
}

void WriteTextListField(JsonWriter& out, const FieldInfo& field) {
  if (field.name != "allow_weaker") return WriteTextList(out);
  WriteType(out, "array");
  out.Key("items").BeginObject();
  WriteChoices(out, {std::begin(kHoodLayers), std::end(kHoodLayers)});
  out.EndObject();
}

void WriteShape(JsonWriter& out, const FieldInfo& field) {
  switch (field.shape) {
    case Shape::kText:
    case Shape::kPath:
    case Shape::kChoice: return WriteTextField(out, field);
    case Shape::kWhole: WriteType(out, "integer"); return WriteRange(out, field);
    case Shape::kNumber: WriteType(out, "number"); return WriteRange(out, field);
    case Shape::kFlag: return WriteType(out, "boolean");
    case Shape::kTextList: return WriteTextListField(out, field);
    case Shape::kTextMap:
      WriteType(out, "object");
      out.Key("additionalProperties");
      return WriteLooseText(out);
    case Shape::kCommand: return WriteCommand(out);
    case Shape::kMemory: return WriteMemory(out, field);
    case Shape::kEnv: return WriteEnv(out);
    case Shape::kNetwork: return WriteNetwork(out);
    case Shape::kRecord: return WriteRecord(out, field, ".");
    case Shape::kRecords:
      WriteType(out, "array");
      out.Key("items").BeginObject();
      WriteRecord(out, field, "[].");
      out.EndObject();
      return;
  }
}

void WriteField(JsonWriter& out, const FieldInfo& field) {
  out.BeginObject();
  WriteShape(out, field);
  std::string description(field.meaning);
  if (!field.unit.empty()) description += " Unit: " + std::string(field.unit) + ".";
  if (!field.allowed.empty()) description += " Allowed: " + std::string(field.allowed) + ".";
  if (field.default_value.empty()) description += " Default: " + std::string(field.default_words) + ".";
  out.Key("description").String(description);
  if (!field.default_value.empty()) out.Key("default").Raw(field.default_value);
  out.EndObject();
}

}  // namespace

std::string SpecJsonSchema() {
  JsonWriter out;
  out.BeginObject();
  out.Key("$schema").String("https://json-schema.org/draft/2020-12/schema");
  out.Key("title").String("Fumehood AnalysisSpec");
  out.Key("description").String("An analysis that Fumehood runs: a command, its runtime, inputs and limits.");
  WriteType(out, "object");
  out.Key("properties").BeginObject();
  for (const std::string& name : TopLevelFieldNames()) {
    out.Key(name);
    WriteField(out, *FindSpecField(name));
  }
  out.EndObject();
  out.Key("required").BeginArray().String("command").EndArray();
  out.Key("additionalProperties").Bool(false).EndObject();

  // The writer's text is on one line; people read this one.
  ProblemList none;
  const std::optional<Node> document = ImportJson(out.text(), none);
  return document ? PrintJson(*document) : out.Take();
}

}  // namespace fumehood
