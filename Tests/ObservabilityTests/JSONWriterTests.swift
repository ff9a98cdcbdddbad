import Testing

@testable import Observability

@Suite struct JSONWriterTests {
    private func text(_ fill: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter()
        fill(&json)
        return String(decoding: json.finished(), as: UTF8.self)
    }

    @Test func object_ofEveryKind_hasCommasAndEscapesInPlace() {
        let text = self.text {
            $0.beginObject()
            $0.member("text", "say \"hi\"\n\\ \u{1}é")
            $0.member("count", 42)
            $0.member("rate", 1.5)
            $0.member("isUp", true)
            $0.member("none", nil as String?)
            $0.member("noNumber", nil as Int?)
            $0.member("infinite", Double.infinity)
            $0.key("list")
            $0.beginArray()
            $0.value(1)
            $0.value("two")
            $0.beginObject()
            $0.endObject()
            $0.null()
            $0.endArray()
            $0.key("ready")
            $0.raw(Array("[1,2]".utf8))
            $0.endObject()
        }
        let expected =
            #"{"text":"say \"hi\"\n\\ \u0001é","count":42,"rate":1.5,"isUp":true,"none":null,"noNumber":null,"#
            + #""infinite":null,"list":[1,"two",{},null],"ready":[1,2]}"#
        #expect(text == expected)
    }

    @Test func scalar_alone_isAText() {
        #expect(self.text { $0.value(UInt64.max) } == "18446744073709551615")
        #expect(self.text { $0.value("") } == "\"\"")
    }
}
