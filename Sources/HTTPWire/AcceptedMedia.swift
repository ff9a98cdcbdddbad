import Primitives

/// How much a client wants JSON and HTML, from its Accept field (RFC 9110 section 12.5.1).
public struct AcceptedMedia: Equatable, Sendable {
    /// Quality in thousandths, and how it was found: 0 not at all, 1 by `*/*`, 2 by `type/*`, 3 by name.
    struct Wish: Equatable, Sendable {
        var qualityThousandths = 0
        var precision = 0

        mutating func offer(_ qualityThousandths: Int, precision: Int) {
            guard precision > self.precision else { return }
            self.qualityThousandths = qualityThousandths
            self.precision = precision
        }

        func isAbove(_ other: Wish) -> Bool {
            (self.qualityThousandths, self.precision) > (other.qualityThousandths, other.precision)
        }
    }

    var json = Wish()
    var html = Wish()

    public var acceptsJSON: Bool { self.json.qualityThousandths > 0 }
    public var acceptsHTML: Bool { self.html.qualityThousandths > 0 }

    /// JSON has the higher quality, or the same one and is named more precisely. Browsers prefer HTML; `*/*` and no
    /// Accept field prefer neither.
    public var prefersJSON: Bool { self.json.isAbove(self.html) }
    public var prefersHTML: Bool { self.html.isAbove(self.json) }
}

extension RequestHead {
    /// `bytes` must be those that were parsed.
    public func acceptedMedia(in bytes: UnsafeRawBufferPointer) -> AcceptedMedia {
        precondition(self.byteCount > 0 && self.byteCount <= bytes.count, "the bytes of another head")
        var media = AcceptedMedia()
        guard self.names.contains(.accept) else {
            media.json.offer(1_000, precision: 1)
            media.html.offer(1_000, precision: 1)
            return media
        }
        let window = Window(bytes)
        for field in self.fields where field.id == .accept {
            var ranges = ListTokens(field.value)
            while let range = ranges.next(window) { media.note(range, window) }
        }
        return media
    }
}

extension AcceptedMedia {
    fileprivate mutating func note(_ range: ByteRange, _ window: Window) {
        let typeEnd = window.firstIndex(of: 0x3B, from: Int(range.start), to: range.end)
        let type = window.trimmed(from: Int(range.start), to: typeEnd)
        if window.equals(type, ignoringCase: "application/json") {
            self.json.offer(window.qualityThousandths(from: typeEnd, to: range.end), precision: 3)
        } else if window.equals(type, ignoringCase: "application/*") {
            self.json.offer(window.qualityThousandths(from: typeEnd, to: range.end), precision: 2)
        } else if window.equals(type, ignoringCase: "text/html") {
            self.html.offer(window.qualityThousandths(from: typeEnd, to: range.end), precision: 3)
        } else if window.equals(type, ignoringCase: "text/*") {
            self.html.offer(window.qualityThousandths(from: typeEnd, to: range.end), precision: 2)
        } else if window.equals(type, ignoringCase: "*/*") {
            let quality = window.qualityThousandths(from: typeEnd, to: range.end)
            self.json.offer(quality, precision: 1)
            self.html.offer(quality, precision: 1)
        }
    }
}

extension Window {
    /// The `q` among the parameters in `start..<end`, in thousandths; 1,000 without one or when it is malformed.
    fileprivate func qualityThousandths(from start: Int, to end: Int) -> Int {
        var offset = start
        while offset < end {
            let stop = self.firstIndex(of: 0x3B, from: offset &+ 1, to: end)
            let parameter = self.trimmed(from: offset &+ 1, to: stop)
            offset = stop
            guard parameter.count >= 3, self.byte(at: Int(parameter.start) &+ 1) == 0x3D,
                ASCII.lowercased(self.byte(at: Int(parameter.start))) == 0x71
            else { continue }
            return self.thousandths(from: Int(parameter.start) &+ 2, to: parameter.end) ?? 1_000
        }
        return 1_000
    }

    /// `0`, `0.125`, `1`, `1.0`: at most three decimals, at most one.
    private func thousandths(from start: Int, to end: Int) -> Int? {
        let whole = self.byte(at: start) &- ASCII.zero
        guard whole <= 1, end &- start <= 5, end == start &+ 1 || self.byte(at: start &+ 1) == 0x2E else { return nil }
        var value = Int(whole) * 1_000
        var weight = 100
        for offset in min(start &+ 2, end)..<end {
            let digit = self.byte(at: offset) &- ASCII.zero
            guard digit < 10 else { return nil }
            value += Int(digit) * weight
            weight /= 10
        }
        return value <= 1_000 ? value : nil
    }
}
