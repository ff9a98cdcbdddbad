/// Rates as they are written in the file: `120/s`, `0.5/s`, `600/min`. In the program they are thousandths a second.
enum RateText {
    static func parse(_ text: String) throws(Refusal) -> Int64 {
        let quantity = try Quantity(text)
        switch quantity.unit {
        case "/s":
            guard quantity.fraction.count <= 3 else { throw Refusal("which is finer than a thousandth") }
            let padded = quantity.fraction + String(repeating: "0", count: 3 - quantity.fraction.count)
            let (sum, overflows) = try quantity.scaled(by: 1000).addingReportingOverflow(Int64(padded) ?? 0)
            guard !overflows else { throw Refusal("which is too large") }
            return sum
        case "/min":
            guard quantity.fraction.isEmpty else { throw Refusal("which has a fraction: say it per second") }
            // Rounded down: a rate is a promise to the backend, so it may be undercut but not exceeded.
            return try quantity.scaled(by: 1000) / 60
        case "": throw Refusal("which has no unit (per second or per minute?)")
        default: throw Refusal("whose unit is neither /s nor /min")
        }
    }

    static func format(_ milli: Int64) -> String {
        let fraction = milli % 1000
        guard fraction != 0 else { return "\(milli / 1000)/s" }
        if milli * 60 % 1000 == 0 { return "\(milli * 60 / 1000)/min" }
        let padded = String(String(1000 + fraction).dropFirst())
        return "\(milli / 1000).\(padded)/s"
    }
}
