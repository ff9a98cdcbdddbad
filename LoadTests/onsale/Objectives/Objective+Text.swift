import Settings

/// In a report, and in the section `objectives` of a scenario file, an objective is its text.
extension Objective: Codable {
    static let mostInAFile = 50

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do throws(ObjectiveProblem) {
            self = try Objective(parsing: text)
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(error)")
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.description)
    }
}

extension ValueKind where Value == Objective {
    static var objective: Self {
        .scalar("an objective such as p99<250ms or served>=90%", write: \.description) { text throws(Refusal) in
            do throws(ObjectiveProblem) {
                return try Objective(parsing: text)
            } catch {
                throw Refusal("in which \(error.reasons.joined(separator: "; "))")
            }
        }
    }
}
