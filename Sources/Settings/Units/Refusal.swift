/// Why a text is not the value it should be. `reason` continues "found ..., "; empty when what is allowed says it all.
package struct Refusal: Error, Equatable {
    package let reason: String
    package init(_ reason: String = "") { self.reason = reason }
}

/// A number and what stands behind it: `30s` is (30, "s"). The number is digits, with an optional fraction.
package struct Quantity {
    package let whole: Int64
    /// The digits behind the point, such as "75"; empty without a point.
    package let fraction: Substring
    package let unit: Substring

    package init(_ text: String) throws(Refusal) {
        let digits = text.prefix { $0.isASCIIDigit }
        var rest = text[digits.endIndex...]
        var fraction: Substring = ""
        if rest.first == "." {
            fraction = rest.dropFirst().prefix { $0.isASCIIDigit }
            guard !fraction.isEmpty else { throw Refusal() }
            rest = text[fraction.endIndex...]
        }
        guard !digits.isEmpty else { throw Refusal() }
        guard digits == "0" || digits.first != "0" else { throw Refusal("which begins with a zero") }
        guard let whole = Int64(digits) else { throw Refusal("which is too large") }
        self.whole = whole
        self.fraction = fraction
        self.unit = rest
    }

    /// `whole` in units of `scale`, refused when that does not fit.
    package func scaled(by scale: Int64) throws(Refusal) -> Int64 {
        let (product, overflows) = self.whole.multipliedReportingOverflow(by: scale)
        guard !overflows else { throw Refusal("which is too large") }
        return product
    }
}

extension Character {
    var isASCIIDigit: Bool { ("0"..."9").contains(self) && self.isASCII }
}
