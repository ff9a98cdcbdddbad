import Primitives

/// The fixed-length date of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
public enum HTTPDate {
    public static let byteCount = 29

    /// Appends 29 bytes. Make them once a second, not once a response.
    /// - Parameter unixSeconds: seconds since 1970, up to the year 9999.
    public static func append(unixSeconds: Int64, to writer: inout ByteWriter) {
        precondition((0..<253_402_300_800).contains(unixSeconds), "a date between 1970 and 9999")
        let date = CivilDate(daysSince1970: unixSeconds / 86_400)
        let second = unixSeconds % 86_400
        writer.append(self.name(date.weekday, of: "SunMonTueWedThuFriSat"))
        writer.append(", ")
        self.append(twoDigits: date.day, to: &writer)
        writer.append(byte: ASCII.space)
        writer.append(self.name(Int(date.month - 1), of: "JanFebMarAprMayJunJulAugSepOctNovDec"))
        writer.append(byte: ASCII.space)
        self.append(twoDigits: date.year / 100, to: &writer)
        self.append(twoDigits: date.year % 100, to: &writer)
        writer.append(byte: ASCII.space)
        self.append(twoDigits: second / 3_600, to: &writer)
        writer.append(byte: ASCII.colon)
        self.append(twoDigits: second / 60 % 60, to: &writer)
        writer.append(byte: ASCII.colon)
        self.append(twoDigits: second % 60, to: &writer)
        writer.append(" GMT")
    }

    private static func name(_ index: Int, of names: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: names.utf8Start + index * 3, count: 3)
    }

    private static func append(twoDigits value: Int64, to writer: inout ByteWriter) {
        writer.append(byte: ASCII.zero + UInt8(value / 10))
        writer.append(byte: ASCII.zero + UInt8(value % 10))
    }
}
