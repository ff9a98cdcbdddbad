import Primitives

/// A time as leases hold it: RFC 3339 in UTC with six digits, `2026-11-23T18:00:00.000000Z`. The server refuses fewer.
/// It is for people to read: who leads is decided by nobody's wall clock.
public enum MicroTime {
    public static func text(wallMicros: Int64) -> String {
        let text = RFC3339.text(wallMicros: wallMicros, fraction: .microsIfAny)
        return text.contains(".") ? text : text.dropLast() + ".000000Z"
    }
}
