// Pages are part of the scenario in a report. Templates, selectors and regular expressions are the texts that they were
// made from; everything else follows from the properties.

extension PageTemplate: Codable {
    init(from decoder: any Decoder) throws { try self.init(decoder.singleValueContainer().decode(String.self)) }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.source)
    }
}

extension HTMLSelector: Codable {
    init(from decoder: any Decoder) throws { try self.init(decoder.singleValueContainer().decode(String.self)) }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.source)
    }
}

extension PagePattern: Codable {
    init(from decoder: any Decoder) throws { try self.init(decoder.singleValueContainer().decode(String.self)) }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.source)
    }
}
