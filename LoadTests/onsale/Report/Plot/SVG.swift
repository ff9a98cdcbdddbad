import Foundation

/// Text of an SVG drawing in the making. Colours and fonts come from classes, so that a page's style decides them.
struct SVG {
    private(set) var text = ""

    enum Anchor: String { case start, middle, end }

    /// One decimal is a tenth of a pixel: enough, and half the size.
    static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        let sign = tenths < 0 ? "-" : ""
        let whole = tenths.magnitude / 10
        let rest = tenths.magnitude % 10
        return rest == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(rest)"
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        // Not by Character: a mark that combines with a `<` would let it through.
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    mutating func raw(_ markup: String) { self.text += markup }

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) {
        self.path("M\(Self.number(x1)) \(Self.number(y1))L\(Self.number(x2)) \(Self.number(y2))", style)
    }

    mutating func path(_ data: String, _ style: String) {
        guard !data.isEmpty else { return }
        self.text += "<path class=\"\(style)\" d=\"\(data)\"/>"
    }

    mutating func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String) {
        self.text += "<rect class=\"\(style)\" x=\"\(Self.number(x))\" y=\"\(Self.number(y))\""
        self.text += " width=\"\(Self.number(max(width, 0)))\" height=\"\(Self.number(max(height, 0)))\"/>"
    }

    mutating func label(_ label: String, _ x: Double, _ y: Double, _ anchor: Anchor, _ style: String) {
        self.text += "<text class=\"\(style)\" x=\"\(Self.number(x))\" y=\"\(Self.number(y))\""
        if anchor != .start { self.text += " text-anchor=\"\(anchor.rawValue)\"" }
        self.text += ">\(Self.escaped(label))</text>"
    }

    /// The drawing as an element; `title` is read to those who cannot see it.
    func element(width: Double, height: Double, title: String) -> String {
        let box = "0 0 \(Self.number(width)) \(Self.number(height))"
        return "<svg viewBox=\"\(box)\" role=\"img\" aria-label=\"\(Self.escaped(title))\">\(self.text)</svg>"
    }
}
