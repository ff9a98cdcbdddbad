import HTTPWire
import Primitives
import Testing

@Suite struct HeadWriterTests {
    @Test func append_responseHead_isWellFormed() throws {
        let date = written { HTTPDate.append(unixSeconds: 784_111_777, to: &$0) }
        let head = written { writer in
            writer.appendStatusLine(503)
            Array(date.utf8).withUnsafeBytes { writer.appendField("date", $0) }
            writer.appendField("content-type", "text/html; charset=utf-8")
            writer.appendField("content-length", decimal: 0)
            writer.endHead()
        }
        #expect(
            head == """
                HTTP/1.1 503 Service Unavailable\r
                date: Sun, 06 Nov 1994 08:49:37 GMT\r
                content-type: text/html; charset=utf-8\r
                content-length: 0\r
                \r\n
                """
        )
        #expect(try #require(parseResponse(head).snapshot).framing == .length(0))
    }

    @Test func append_requestHead_isWellFormed() throws {
        let head = written { writer in
            Array("/healthz".utf8).withUnsafeBytes { writer.appendRequestLine("GET", target: $0) }
            writer.appendField("host", "worker")
            writer.endHead()
        }
        #expect(try #require(parseRequest(head).snapshot).path == "/healthz")
    }

    @Test func appendStatusLine_everyStatus_parsesBack() throws {
        for status in UInt16(100)...599 {
            let head = written {
                $0.appendStatusLine(status)
                $0.endHead()
            }
            #expect(try #require(parseResponse(head).snapshot).status == status)
        }
    }

    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_704_067_199, "Sun, 31 Dec 2023 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] as [(Int64, String)]
    )
    func date_knownInstants_areWritten(seconds: Int64, expected: String) {
        #expect(written { HTTPDate.append(unixSeconds: seconds, to: &$0) } == expected)
        #expect(expected.utf8.count == HTTPDate.byteCount)
    }
}
