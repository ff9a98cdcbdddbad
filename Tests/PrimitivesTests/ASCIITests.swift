import Primitives
import Testing

@Suite struct ASCIITests {
    /// The reference is RFC 9110's list, written out.
    @Test func isToken_everyByte_agreesWithTheList() {
        let allowed = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        for byte in UInt8.min ... .max {
            #expect(ASCII.isToken(byte) == allowed.contains(byte), "byte \(byte)")
        }
    }

    @Test func lowercased_everyByte_changesCapitalsOnly() {
        for byte in UInt8.min ... .max {
            let isCapital = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            #expect(ASCII.lowercased(byte) == (isCapital ? byte + 32 : byte))
        }
    }

    @Test func isDigit_everyByte_agreesWithTheRange() {
        for byte in UInt8.min ... .max {
            #expect(ASCII.isDigit(byte) == (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte))
        }
    }

    @Test(arguments: [
        ("Content-Length", true), ("CONTENT-LENGTH", true), ("content-lengt", false), ("content_length", false),
    ])
    func equalsIgnoringCase_otherSpelling_onlyCaseIsForgiven(text: String, isEqual: Bool) {
        let bytes = Array(text.utf8)
        #expect(bytes.withUnsafeBytes { ASCII.equalsIgnoringCase($0, "content-length") } == isEqual)
    }
}
