import Primitives

/// The fixed-length date of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
public enum HTTPDate {
    public static let byteCount = 29

    /// Appends 29 bytes. Make them once a second, not once a response.
    /// - Parameter unixSeconds: seconds since 1970, up to the year 9999.
    public static func append(unixSeconds: Int64, to writer: inout ByteWriter) {
        precondition((0..<253_402_300_800).contains(unixSeconds), "a date between 1970 and 9999")
        let days = unixSeconds / 86_400
        let second = unixSeconds % 86_400
        let (year, month, day) = self.civil(daysSince1970: days)
        writer.append(self.name(Int((days + 4) % 7), of: "SunMonTueWedThuFriSat"))
        writer.append(", ")
        self.append(twoDigits: day, to: &writer)
        writer.append(byte: ASCII.space)
        writer.append(self.name(Int(month - 1), of: "JanFebMarAprMayJunJulAugSepOctNovDec"))
        writer.append(byte: ASCII.space)
        self.append(twoDigits: year / 100, to: &writer)
        self.append(twoDigits: year % 100, to: &writer)
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

    /// The Gregorian date, with years counted from March so that a leap day comes last.
    private static func civil(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let days = daysSince1970 + 719_468  // since 0000-03-01
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
