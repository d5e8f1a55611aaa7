#!/bin/sh
# refusal_test.sh PLUGIN PROTOC: options that are not understood end the plugin with the file, the field and the reason. The .proto of the rules is ours and a few rules of
# the original that we do not know, as somebody may have it.
set -eu
plugin=$1
protoc=$2
protos=$(cd "$(dirname "$0")/../../proto" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/buf/validate"
sed -e 's/^message StringRules {/&\n  optional string pattern = 6;/' \
    -e 's/^enum Ignore {/&\n  IGNORE_ALWAYS = 3;/' \
    -e 's/IGNORE_UNSPECIFIED = 0;//' -e 's/IGNORE_ALWAYS = 3;/IGNORE_UNSPECIFIED = 0;\n  &/' \
    "$protos/buf/validate/validate.proto" >"$dir/buf/validate/validate.proto"
cat >>"$dir/buf/validate/validate.proto" <<'END'
extend google.protobuf.MessageOptions { optional MessageRules message = 1159; }
extend google.protobuf.OneofOptions { optional MessageRules oneof = 1159; }
extend google.protobuf.FieldOptions { optional MessageRules predefined = 1160; }
message MessageRules { optional bool required = 1; }
END
failed=0
# check WANT MEMBERS [POLICY]: a request with these members; WANT is what stderr says, "" for none.
check() {
  cat >"$dir/bad.proto" <<END
syntax = "proto3";
package bad;
import "buf/validate/validate.proto";
import "ponte/options/v1/options.proto";
service S { rpc M(Request) returns (Request) { ${3:-} } rpc C(stream Free) returns (Free) { ${4:-} } }
enum E { ZERO = 0; }
message Free { string id = 1; }
message Other { int32 n = 1; $(case $2 in *Other*) echo 'string s = 2 [(buf.validate.field).int32.gt = 1];' ;; esac) }
message Request { $2 }
END
  status=0
  "$protoc" "--plugin=protoc-gen-ponte=$plugin" "-I$dir" "-I$protos" "--ponte_out=$dir" bad.proto >/dev/null 2>"$dir/err" || status=$?
  if [ -z "$1" ]; then
    [ "$status" = 0 ] || { echo "refused, but it is fine: $2 ${3:-}" && cat "$dir/err" && failed=1; }
  elif [ "$status" = 0 ] || ! grep -qF "bad.proto: $1" "$dir/err"; then
    echo "wanted \"bad.proto: $1\" for: $2 ${3:-} ${4:-}" && cat "$dir/err" && failed=1
  fi
}
field='(buf.validate.field)'
policy='option (ponte.options.v1.policy)'
check '' "string a = 1 [$field.string.min_len = 1];"
check '' "string a = 1 [deprecated = true];" "option idempotency_level = NO_SIDE_EFFECTS;"
check 'bad.Request.a: (buf.validate.field) has a rule (number 6)' "string a = 1 [$field.string.pattern = 'x'];"
check 'bad.Request.a: (buf.validate.field) has a rule (number 6)' "repeated string a = 1 [$field.repeated.items.string.pattern = 'x'];"
check 'bad.Request.a: this kind of `ignore`' "string a = 1 [$field = {ignore: IGNORE_ALWAYS, string: {min_len: 1}}];"
check 'bad.Request.a: (buf.validate.predefined)' "string a = 1 [(buf.validate.predefined).required = true];"
check 'bad.Request: rules of a message' "option (buf.validate.message).required = true; string a = 1;"
check 'bad.Request: rules of a message' "oneof o { option (buf.validate.oneof).required = true; string a = 1; }"
check 'bad.Request.a: these rules are for fields of another type' "string a = 1 [$field.int32.gt = 1];"
check 'bad.Request.a: these rules are for fields of another type' "int64 a = 1 [$field.int32.gt = 1];"
check 'bad.Request.a: these rules are for fields of another type' "sint32 a = 1 [$field.int32.gt = 1];"
check 'bad.Request.a: these rules are for fields of another type' "string a = 1 [$field.repeated.min_items = 1];"
check 'bad.Request.a: these rules are for fields of another type' "repeated E a = 1 [$field.repeated.items.string.min_len = 1];"
check 'bad.Request.a: these rules are for fields of another type' "repeated E a = 1 [$field.repeated.items.repeated.min_items = 1];"
check 'bad.Request.a: a list has `repeated` rules' "repeated string a = 1 [$field.string.min_len = 1];"
check 'bad.Other.s: these rules are for fields of another type' "map<string, Other> a = 1;"
check 'bad.Request.a: the lower bound is above' "int32 a = 1 [$field.int32 = {gt: 1, lt: 1}];"
check 'bad.Request.a: no number is greater' "int64 a = 1 [$field.int64.gt = 9223372036854775807];"
check 'bad.Request.a: no number is less' "int64 a = 1 [$field.int64.lt = -9223372036854775808];"
check 'bad.Request.a: the maximum is 0' "string a = 1 [$field.string.max_len = 0];"
check 'bad.Request.a: the maximum is 0 or below' "bytes a = 1 [$field.bytes = {min_len: 2, max_len: 1}];"
check 'bad.Request.a: the maximum is 0 or below' "repeated string a = 1 [$field.repeated = {min_items: 2, max_items: 1}];"
check '' 'Free a = 1;' "$policy.owner = 'a.id';"
check 'M: the owner `a.nick` is no string field' 'Free a = 1;' "$policy.owner = 'a.nick';"
check 'M: the owner `a` is no string field' 'Free a = 1;' "$policy.owner = 'a';"
check 'M: the owner `a.id` is no string field' 'repeated Free a = 1;' "$policy.owner = 'a.id';"
check 'M: the owner `a.id` is no string field' 'string a = 1;' "$policy.owner = 'a.id';"
check 'M: the owner `a.` is no string field' 'Free a = 1;' "$policy.owner = 'a.';"
check 'M: a public method has neither' 'string a = 1;' "$policy = {public: true, roles: 'admin'};"
check 'M: a public method has neither' 'string a = 1;' "$policy = {public: true, owner: 'a'};"
check 'C: the owner is looked up in one request' 'string a = 1;' '' "$policy.owner = 'id';"
exit $failed
