"""Labels that people give: do they agree, and how late do they come?"""
